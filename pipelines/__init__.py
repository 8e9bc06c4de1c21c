"""How the graph runs: definitions, jobs, schedules, sensors, and the command line `gristmill`."""
