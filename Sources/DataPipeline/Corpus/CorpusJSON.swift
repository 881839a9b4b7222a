package import Foundation
internal import Settings

/// The one way in which corpus files are encoded: sorted keys, so that equal values give equal bytes.
package enum CorpusJSON {
    static func encode(_ value: some Encodable, pretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// - Throws: `StrictJSON.Malformed` with the place or the key.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        try StrictJSON.decode(type, from: [UInt8](data), isChecked: false)
    }
}
