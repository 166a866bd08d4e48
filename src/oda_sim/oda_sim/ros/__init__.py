"""Nodes: the simulated cell and the scripted operator."""
