"""The use cases: launch, execute, gate, supervise, publish."""
