"""One job that does the work of many: payloads of one type, each a durable task."""
