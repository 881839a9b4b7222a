import ArgumentParser

/// How options read a seed.
enum Seed {
    /// - Throws: `ValidationError` that gives the range.
    static func value(_ text: String) throws -> UInt64 {
        guard let seed = UInt64(text) else {
            throw ValidationError("a seed is a whole number from 0 to \(UInt64.max)")
        }
        return seed
    }
}
