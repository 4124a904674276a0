"""What a step of training costs: gathering its windows, the optimiser, threads, and memory."""
