"""American, British and Canadian spelling of English words, by one reviewed table."""
