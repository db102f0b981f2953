"""The worker process: takes queued jobs, and runs each in a process of its own. It knows tasks by name only."""
