"""Plans as jobs, made in processes of their own."""
