"""Nodes: arbiter, recorder, demo."""
