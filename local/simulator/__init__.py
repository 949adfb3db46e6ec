"""The real services and adapters on the twins' virtual clock, in one thread: a day in seconds."""
