"""Web pages: archives of crawls, and files of HTML."""
