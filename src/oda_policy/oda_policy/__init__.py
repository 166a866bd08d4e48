"""The learning of ODA: meta-training, encoding, evaluation, finetuning, reports. No ROS here."""
