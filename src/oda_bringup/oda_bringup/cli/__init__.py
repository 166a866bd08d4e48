"""The oda command, one file per subcommand."""
