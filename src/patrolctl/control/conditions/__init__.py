"""What is looked at before a launch, besides the gate."""
