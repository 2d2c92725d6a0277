"""The hardship file: who may be helped."""
