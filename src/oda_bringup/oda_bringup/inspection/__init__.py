"""What is in a bag, a buffer or a checkpoint, for a person who wants to see what is wrong."""
