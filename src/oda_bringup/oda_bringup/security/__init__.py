"""Who may publish, hear, serve and call what: the table of the graph, and its SROS2 enclaves."""
