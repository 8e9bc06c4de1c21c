"""Source code: files, archives and git repositories, with language, licence and what kind of file it is."""
