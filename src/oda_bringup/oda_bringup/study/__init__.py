"""The study: every figure of the paper in simulation, from one command, cached and resumable."""
