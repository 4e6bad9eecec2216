"""What schedules are made of and what they do: their rules, their jobs, firing, and those that are defined in code."""
