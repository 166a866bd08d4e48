"""The graph of nodes as data, the processes that run it, and the oda command."""
