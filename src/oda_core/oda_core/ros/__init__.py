"""What the nodes share: parameters, quality of service, executor, start and end."""
