/// Ends a stream of text at the first stop string, and never lets a part of one slip through.
///
/// Text that could be the beginning of a stop string is held back until it is clear that it is not. The result does
/// not depend on how the text is cut into pieces: the stop string that is complete first wins, and of those complete at
/// the same place, the longest.
public struct StopStringFilter: Sendable {
    /// Whether a stop string was met; nothing more comes out then.
    public private(set) var hasStopped = false

    private let stops: [[UInt8]]
    private var held: [UInt8] = []

    /// - Parameter stops: compared byte by byte in UTF-8; empty ones are left out.
    public init(_ stops: [String]) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
    }

    /// Takes the next piece of the stream; returns what is certain to precede any stop string.
    public mutating func append(_ text: String) -> String {
        if hasStopped { return "" }
        for byte in text.utf8 {
            held.append(byte)
            guard let stop = stops.first(where: { held.ends(with: $0) }) else { continue }
            hasStopped = true
            let text = held.dropLast(stop.count)
            held = []
            return String(decoding: text, as: UTF8.self)
        }
        let keptCount = stops.map { held.longestEnd(beginning: $0) }.max() ?? 0
        let certain = held.dropLast(keptCount)
        held = Array(held.suffix(keptCount))
        return String(decoding: certain, as: UTF8.self)
    }

    /// The stream has ended: what was held back was no stop string after all.
    public mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}

extension [UInt8] {
    fileprivate func ends(with other: [UInt8]) -> Bool {
        count >= other.count && self[(count - other.count)...].elementsEqual(other)
    }

    /// How many bytes at the end are a beginning, but not the whole, of the stop string.
    fileprivate func longestEnd(beginning stop: [UInt8]) -> Int {
        Swift.min(count, stop.count - 1).descending.first { self[(count - $0)...].elementsEqual(stop[..<$0]) } ?? 0
    }
}

extension Int {
    fileprivate var descending: ReversedCollection<ClosedRange<Int>> { (0...self).reversed() }
}
