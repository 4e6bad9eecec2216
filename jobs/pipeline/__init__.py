"""Articles from submission to podcast: what the stages do with what is stored."""
