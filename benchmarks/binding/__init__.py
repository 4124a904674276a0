"""Binding beside bare FAISS, bare products and the pairing of the research code."""
