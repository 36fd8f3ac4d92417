"""What is told: facts, listeners, jobs, and who hosts the tasks."""
