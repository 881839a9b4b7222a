public import Tokenizers
public import Torch

// Tokenizers knows no tensors, hence not the marker; this is the lowest room that knows both.
extension TokenizerError: InputError {}
