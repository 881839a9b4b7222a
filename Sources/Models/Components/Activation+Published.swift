import NN

extension Activation {
    /// The activation that a published configuration names; nil for one that is not here.
    init?(published name: String) {
        switch name {
        case "gelu_python": self = .gelu
        // One approximation, written in four ways.
        case "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate": self = .tanhGELU
        case "swish": self = .silu
        default: self.init(rawValue: name)
        }
    }
}
