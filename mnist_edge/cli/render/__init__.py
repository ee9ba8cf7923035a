"""What the commands show people: tables and lines, progress, pictures."""
