"""What every node shares: parameters, quality of service, message classes, start and stop."""
