"""Tables of texts: JSON Lines, Parquet, and the files of Hugging Face datasets."""
