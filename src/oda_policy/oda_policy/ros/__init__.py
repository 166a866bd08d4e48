"""The learning as nodes: policy, trainer, adaptation."""
