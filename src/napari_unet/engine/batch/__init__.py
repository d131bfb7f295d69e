"""How a folder is segmented: plan, read, compute, write, and a ledger of what is done."""
