"""PE programs: the form between compiler and engine, with its verifier and its text form."""
