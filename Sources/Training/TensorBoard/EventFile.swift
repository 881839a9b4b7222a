import Files
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A TensorBoard event file: a sequence of checksummed records, each a TensorFlow `Event` message.
///
/// Field numbers are those of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto`. Every record is written with
/// one call, so a killed run leaves a file that TensorBoard reads up to the last whole record.
public final class EventFile {
    /// One value of a summary.
    public enum Value: Sendable {
        /// A curve's point.
        case scalar(Double)
        /// A PNG image with its size in pixels.
        case image(png: [UInt8], width: Int, height: Int)
        /// Text, shown as Markdown.
        case text(String)
    }

    private let file: AppendFile
    /// Where the file lies.
    public let path: String

    /// Creates a new event file in `folder`; a resumed run adds a further file, which TensorBoard joins by step.
    ///
    /// - Throws: `TrainingError` if the folder cannot be made or written.
    public init(folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TrainingError("cannot make the folder \(folder) for TensorBoard's event files: \(plainReason(error))")
        }
        let seconds = Int(Date().timeIntervalSince1970)
        func open(_ candidate: Int = 0) throws -> (AppendFile, String) {
            let seconds = String(seconds).leftPadded(to: 10)
            let name = "\(folder)/events.out.tfevents.\(seconds).syrinx.\(getpid()).\(candidate)"
            do {
                return (try AppendFile(name, mustBeNew: true), name)
            } catch {
                if error.code == EEXIST { return try open(candidate + 1) }
                throw TrainingError("cannot write TensorBoard's event file \(name): \(error.reason)")
            }
        }
        (file, path) = try open()
        try write { $0.string("brain.Event:2", field: 3) }
    }

    /// Appends values at `step`.
    ///
    /// - Throws: `TrainingError` if the disk is full or the file is gone.
    public func add(_ values: [(tag: String, value: Value)], step: Int) throws {
        try write { event in
            event.integer(Int64(step), field: 2)
            event.message(field: 5) { summary in
                for (tag, value) in values { summary.message(field: 1) { Self.encode(tag, value, into: &$0) } }
            }
        }
    }

    private static func encode(_ tag: String, _ value: Value, into message: inout ProtobufWriter) {
        message.string(tag, field: 1)
        switch value {
        case .scalar(let number):
            message.float(Float(number), field: 2)
        case .image(let png, let width, let height):
            message.message(field: 4) {
                $0.integer(Int64(height), field: 1)
                $0.integer(Int64(width), field: 2)
                $0.integer(3, field: 3)  // RGB
                $0.data(png, field: 4)
            }
        case .text(let text):
            message.message(field: 9) { metadata in
                metadata.message(field: 1) { $0.string("text", field: 1) }  // the plugin's name
            }
            message.message(field: 8) { tensor in
                tensor.integer(7, field: 1)  // DT_STRING
                tensor.message(field: 2) { shape in shape.message(field: 2) { $0.integer(1, field: 1) } }
                tensor.string(text, field: 8)
            }
        }
    }

    private func write(_ build: (inout ProtobufWriter) -> Void) throws {
        var event = ProtobufWriter()
        event.double(Date().timeIntervalSince1970, field: 1)
        build(&event)
        let length = withUnsafeBytes(of: UInt64(event.bytes.count).littleEndian) { Array($0) }
        var record = length
        withUnsafeBytes(of: CRC32C.masked(length).littleEndian) { record += $0 }
        record += event.bytes
        withUnsafeBytes(of: CRC32C.masked(event.bytes).littleEndian) { record += $0 }
        do { try file.append(record) } catch { throw TrainingError("cannot write \(path): \(error.reason)") }
    }
}

extension String {
    /// The text with zeros in front up to `count` characters.
    func leftPadded(to count: Int, with pad: Character = "0") -> String {
        String(repeating: pad, count: max(0, count - self.count)) + self
    }
}
