public import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files of an evaluation's folder, written whole or not at all.
public enum EvaluationFile {
    /// The one way in which JSON is encoded here: sorted keys, indented.
    public static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return try encoder.encode(value)
    }

    /// Writes a file beside its name and renames it.
    /// - Throws: ``EvaluationFileError`` in one sentence.
    public static func write(_ data: Data, to path: String) throws {
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw EvaluationFileError("cannot write \(path): \(systemReason())")
        }
    }

    /// Makes a folder and those above it.
    /// - Throws: ``EvaluationFileError`` in one sentence.
    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw EvaluationFileError("cannot make the folder \(path): \(systemReason()); give another --output")
        }
    }

    /// What the system says of the call that failed last on this thread.
    static func systemReason() -> String { String(cString: strerror(errno)) }
}

/// The file system refused; one sentence.
public struct EvaluationFileError: Error, CustomStringConvertible, Sendable {
    /// What could not be done, and why.
    public let description: String
    init(_ description: String) { self.description = description }
}
