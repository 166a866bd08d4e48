"""MuJoCo simulation of connector insertion with a KUKA LBR iiwa 7."""
