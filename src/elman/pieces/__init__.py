"""What texts are made of, as whole numbers and back: characters, bytes, words, subwords, tokens of one's own."""
