/// The beginning of parameters' names, component by component; `*` stands for any one component.
///
/// `model.layers.*.mlp` begins the names of every layer's feed-forward.
struct NamePrefix {
    private let components: [Substring]

    init(_ text: String) { components = text.split(separator: ".", omittingEmptySubsequences: false) }

    func begins(_ name: String) -> Bool {
        let own = name.split(separator: ".", omittingEmptySubsequences: false)
        return own.count >= components.count && zip(components, own).allSatisfy { $0 == "*" || $0 == $1 }
    }
}
