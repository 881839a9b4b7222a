import Foundation

/// Parameters as a tree; runs of equal layers are folded into one line.
struct ParameterTree {
    private final class Node {
        var children: [(name: String, node: Node)] = []
        var elementCount = 0
        var shape: [Int]?

        func child(_ name: String) -> Node {
            if let found = children.first(where: { $0.name == name }) { return found.node }
            let node = Node()
            children.append((name, node))
            return node
        }

        /// What makes two layers equal: their own trees.
        var signature: String {
            if let shape { return "\(shape)" }
            return children.map { "\($0.name):\($0.node.signature)" }.joined(separator: ",")
        }
    }

    private let root = Node()

    init(_ parameters: [(name: String, shape: [Int])]) {
        for (name, shape) in parameters {
            let count = shape.reduce(1, *)
            var node = root
            node.elementCount += count
            for part in name.split(separator: ".") {
                node = node.child(String(part))
                node.elementCount += count
            }
            node.shape = shape
        }
    }

    func lines(depth: Int) -> [String] { lines(of: root, indent: 0, depth: depth) }

    private func lines(of node: Node, indent: Int, depth: Int) -> [String] {
        guard depth > 0 else { return [] }
        var result: [String] = []
        var index = 0
        while index < node.children.count {
            let (name, child) = node.children[index]
            var last = index
            if Int(name) != nil {
                let signature = child.signature
                while last + 1 < node.children.count, node.children[last + 1].node.signature == signature { last += 1 }
            }
            let repeats = last - index + 1
            let label = repeats > 1 ? "\(name)...\(node.children[last].name)" : name
            let shape = child.shape.map { " [\($0.map(String.init).joined(separator: ", "))]" } ?? ""
            let count = grouped(child.elementCount) + (repeats > 1 ? " each, \(repeats) times" : "")
            let left = String(repeating: "  ", count: indent) + label + shape
            result.append(left.padding(toLength: max(44, left.count + 2), withPad: " ", startingAt: 0) + count)
            result += lines(of: child, indent: indent + 1, depth: depth - 1)
            index = last + 1
        }
        return result
    }
}

/// A number with thousands separated by commas.
func grouped(_ number: Int) -> String {
    var digits = Array(String(number))
    var index = digits.count - 3
    while index > 0 {
        digits.insert(",", at: index)
        index -= 3
    }
    return String(digits)
}
