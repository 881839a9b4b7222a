import Settings
import Yams

/// One `key.path=value` setting of the command line.
struct YAMLOverride {
    let path: [String]
    let value: Node
    /// How messages name the setting.
    let place: String

    /// Parses `stages.0.steps=10`; `stages[0].steps=10` means the same. The value is YAML.
    ///
    /// - Throws: `ConfigError` if there is no `=`, the path is empty, or the value is not YAML.
    init(_ setting: String) throws {
        place = "--set \(setting)"
        guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
            throw ConfigError(place: place, problem: "a setting is key.path=value, for example --set seed=2")
        }
        path = setting[..<equals].replacing("[", with: ".").replacing("]", with: "").split(separator: ".").map(
            String.init)
        let text = String(setting[setting.index(after: equals)...])
        do {
            value = try Yams.compose(yaml: text) ?? Node("", .implicit, .doubleQuoted)
        } catch {
            throw ConfigError(place: place, problem: "the value '\(text)' is not YAML; quote it")
        }
    }

    /// Whether the place in the document is the set value or inside it.
    func holds(_ place: [String]) -> Bool { place.count >= path.count && Self.agree(path, place) }

    /// Whether the setting goes through the place to something deeper, which it may have brought in.
    func passes(through place: [String]) -> Bool { place.count < path.count && Self.agree(place, path) }

    /// Whether the first path is the beginning of the second; `stages.00` is `stages.0`.
    private static func agree(_ start: [String], _ path: [String]) -> Bool {
        zip(start, path).allSatisfy { first, second in first == second || Int(first).map { $0 == Int(second) } == true }
    }

    /// Sets the value in the document. The last key may be new (decoding decides whether it is known); those before must exist.
    func apply(to root: inout Node) throws { try set(&root, at: 0) }

    private func set(_ node: inout Node, at depth: Int) throws {
        guard depth < path.count else {
            node = value
            return
        }
        let component = path[depth]
        if var sequence = node.sequence {
            guard let index = Int(component), sequence.indices.contains(index) else {
                throw ConfigError(
                    place: place,
                    problem:
                        "\(name(depth)) is a list of \(sequence.count); '\(component)' is not an index from 0 to \(sequence.count - 1)"
                )
            }
            try set(&sequence[index], at: depth + 1)
            node = .sequence(sequence)
        } else if var mapping = node.mapping {
            let known = mapping.keys.compactMap { $0.scalar?.string }
            guard known.contains(component) || depth == path.count - 1 || known.isEmpty else {
                let near = NearestName.find(component, among: known)
                throw ConfigError(
                    place: place,
                    problem: "unknown key '\(component)' in \(name(depth))"
                        + (near.map { "; did you mean '\($0)'?" } ?? "; the keys are \(known.joined(separator: ", "))"))
            }
            var child = mapping[Node(component)] ?? Node([(Node, Node)]())
            try set(&child, at: depth + 1)
            mapping[Node(component)] = child
            node = .mapping(mapping)
        } else if node.isNull {
            // Nothing was there: `initialize.vision=DIR` where `initialize: null`.
            var child = Node("null", .implicit, .plain)
            try set(&child, at: depth + 1)
            node = Node([(Node(component), child)])
        } else if let word = node.scalar?.string, word == component {
            // A case without values gains some: `schedule.cosine.finalFraction=0.2` where `schedule: cosine`.
            var child = Node([(Node, Node)]())
            try set(&child, at: depth + 1)
            node = Node([(Node(component), child)])
        } else {
            throw ConfigError(place: place, problem: "\(name(depth)) is \(node.summary) and has no key '\(component)'")
        }
    }

    private func name(_ depth: Int) -> String {
        depth == 0 ? "the configuration" : YAMLPath.text(Array(path[..<depth]))
    }
}
