/// More memory is needed than is available.
public struct MemoryShortage: Sendable, Equatable, CustomStringConvertible {
    /// Bytes that are wanted.
    public var needed: Int
    /// Bytes available now without swapping.
    public var available: Int

    /// "12.5 GB of memory, of which 3.1 GB are available", for the middle of a sentence.
    public var description: String {
        "\(Self.gigabytes(needed)) GB of memory, of which \(Self.gigabytes(available)) GB are available"
    }

    /// One decimal, rounded up for what is tiny, so that nothing needs "0.0 GB".
    private static func gigabytes(_ bytes: Int) -> Double { max(1, (Double(bytes) / 1e8).rounded()) / 10 }
}

extension MachineMemory {
    /// The shortage for `byteCount` more bytes; nil if they are available or the system does not report it.
    ///
    /// Asked before a large allocation: the system grants nearly any, and ends the process when it is written to.
    public func shortage(of byteCount: Int) -> MemoryShortage? {
        let available = min(available ?? usable, usable)
        return byteCount > available ? MemoryShortage(needed: byteCount, available: available) : nil
    }

    /// The same on this machine now; a few megabytes are not worth the question.
    public static func shortage(of byteCount: Int) -> MemoryShortage? {
        byteCount < 64 << 20 ? nil : current?.shortage(of: byteCount)
    }
}
