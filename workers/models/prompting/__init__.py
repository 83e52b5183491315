"""What makes any vision model write the fields: the prompt, the parser of its answer, and the repair of a bad one."""
