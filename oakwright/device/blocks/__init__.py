"""What nodes compute, free of DepthAI's types: arrays and small records in, the same out."""
