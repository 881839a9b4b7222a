import Checkpoints
import Testing
import Torch

/// Files that must be refused: what is wrong, the bytes, a part of the message.
struct MalformedFile: CustomTestStringConvertible, Sendable {
    let what: String
    let bytes: [UInt8]
    let message: String

    init(_ what: String, _ bytes: [UInt8], _ message: String) {
        (self.what, self.bytes, self.message) = (what, bytes, message)
    }

    init(_ what: String, _ header: String, data: Int = 8, _ message: String) {
        self.init(what, safetensors(header, dataByteCount: data), message)
    }

    var testDescription: String { what }

    private static func tensor(
        _ dtype: String = "\"F32\"", _ shape: String = "[2]", _ offsets: String = "[0,8]"
    ) -> String {
        "{\"a\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
    }

    static let all: [MalformedFile] = [
        .init("empty file", [], "empty"),
        .init("seven bytes", [1, 2, 3, 4, 5, 6, 7], "7 bytes, fewer than the 8"),
        .init(
            "header longer than the limit", safetensors("{}", dataByteCount: 0, statedLength: 100_000_001),
            "more than the 100000000"),
        .init(
            "header length near the largest integer", safetensors("{}", dataByteCount: 0, statedLength: .max),
            "18446744073709551615"),
        .init(
            "header longer than the file", safetensors("{}", dataByteCount: 0, statedLength: 3),
            "3 bytes, but only 2 follow"),
        .init("no header at all", safetensors("", dataByteCount: 8), "does not begin with '{'"),
        .init("header that is an array", "[]", data: 0, "does not begin with '{'"),
        .init("header after a space", " {}", data: 0, "does not begin with '{'"),
        .init("PyTorch archive", Array("PK\u{3}\u{4}aaaabbbbccccdddd".utf8), "PyTorch archive"),
        .init("GGUF file", Array("GGUF\u{3}\0\0\0\u{1}\0\0\0".utf8), "GGUF file, which is unsupported"),
        .init("web page", Array("<!DOCTYPE html><html></html>".utf8), "it looks like a web page"),
        .init("Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1".utf8), "git lfs pull"),
        .init(
            "bytes that are not UTF-8",
            safetensors("{}", dataByteCount: 0, statedLength: 2).dropLast(2) + [0x7B, 0xFF], "not UTF-8"),
        .init("unfinished JSON", "{\"a\":", data: 0, "unexpected end"),
        .init("text after the JSON", "{} x", data: 0, "after the JSON value"),
        .init("comma before the end", "{\"__metadata__\":{},}", data: 0, "expected a key"),
        .init("single quotes", "{'a':1}", data: 0, "expected a key"),
        .init(
            "tensor named twice",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
            "duplicate key \"a\""),
        .init(
            "tensor named twice, once by an escape",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
            "duplicate key \"a\""),
        .init(
            "dtype given twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
            "duplicate key \"dtype\""),
        .init("deep nesting", "{\"a\":" + String(repeating: "[", count: 100_000), data: 0, "nesting deeper"),
        .init("control character in a name", "{\"a\u{1}\":1}", data: 0, "control character"),
        .init("unknown escape", "{\"\\x\":1}", data: 0, "escape"),
        .init("half a surrogate pair", "{\"\\ud800\":1}", data: 0, "surrogate"),
        .init("metadata that is a list", "{\"__metadata__\":[]}", data: 0, "an array, expected an object"),
        .init(
            "metadata with a number", "{\"__metadata__\":{\"step\":7}}", data: 0,
            "\"step\" is a number, expected a string"),
        .init("tensor described by a number", "{\"a\":7}", data: 0, "described by a number"),
        .init("no dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "no dtype"),
        .init("no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", "no shape"),
        .init("no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "no data_offsets"),
        .init("unknown dtype", tensor("\"F31\""), "unknown dtype \"F31\""),
        .init("dtype that is a number", tensor("32"), "no dtype"),
        .init("shape that is a number", tensor("\"F32\"", "2"), "a number as shape"),
        .init("negative size", tensor("\"F32\"", "[-2]"), "-2 in its shape"),
        .init("minus zero", tensor("\"F32\"", "[-0]", "[0,0]"), data: 0, "-0 in its shape"),
        .init("fraction as size", tensor("\"F32\"", "[2.0]"), "2.0 in its shape"),
        .init("size in exponent form", tensor("\"F32\"", "[2e0]"), "2e0 in its shape"),
        .init("leading zero", tensor("\"F32\"", "[02]"), "expected ',' or ']'"),
        .init("size above 64 bits", tensor("\"F32\"", "[18446744073709551618]"), "18446744073709551618 in its shape"),
        .init("sizes whose product overflows", tensor("\"F32\"", "[4294967296,4294967296,2]"), "too large to count"),
        .init("bytes whose count overflows", tensor("\"F64\"", "[2305843009213693952]"), "too large to count"),
        .init(
            "overflow hidden behind a zero", tensor("\"F32\"", "[0,4294967296,4294967296]", "[0,0]"), data: 0,
            "too large to count"),
        .init("one offset", tensor("\"F32\"", "[2]", "[0]"), "1 data_offsets, expected 2"),
        .init("three offsets", tensor("\"F32\"", "[2]", "[0,4,8]"), "3 data_offsets, expected 2"),
        .init("offsets in the wrong order", tensor("\"F32\"", "[2]", "[8,0]"), "begins at byte 8, after its end at 0"),
        .init(
            "shape that needs more than the offsets span", tensor("\"F32\"", "[3]"),
            "needs 12 bytes, but its offsets span 8"),
        .init(
            "shape that needs less than the offsets span", tensor("\"F32\"", "[1]"),
            "needs 4 bytes, but its offsets span 8"),
        .init(
            "tensor past the end of the file", tensor("\"F32\"", "[3]", "[0,12]"),
            "ends at byte 12 of the data, but the file has only 8"),
        .init("gap before the first tensor", tensor("\"F32\"", "[1]", "[4,8]"), "leaves a gap after the header"),
        .init("bytes after the last tensor", tensor(), data: 9, "end at byte 8 of the data, but the file holds 9"),
        .init("bytes without any tensor", "{}", data: 1, "end at byte 0 of the data, but the file holds 1"),
        .init(
            "gap between tensors",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
            "\"b\" leaves a gap after \"a\""),
        .init(
            "overlapping tensors",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[0,6]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
            "\"b\" overlaps \"a\""),
        .init(
            "two tensors over the same bytes",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
            "overlaps"),
    ]
}

@Suite("Safetensors header")
struct SafetensorsHeaderTests {
    @Test("a malformed file is refused in one sentence with its path and what is wrong", arguments: MalformedFile.all)
    func malformed(file: MalformedFile) {
        let folder = TemporaryFolder()
        let path = folder.write(file.bytes, "bad.safetensors")
        let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path) }
        let message = error.map { "\($0)" } ?? ""
        #expect(message.contains(path))
        #expect(message.contains(file.message), "\(message)")
        #expect(!message.contains("\n"))
    }

    @Test("there are at least fifty kinds of malformed files")
    func enoughKinds() {
        #expect(MalformedFile.all.count >= 50)
        #expect(Set(MalformedFile.all.map(\.what)).count == MalformedFile.all.count)
    }

    @Test("any single changed byte of a header is refused or read, and never ends the process")
    func changedBytes() throws {
        let folder = TemporaryFolder()
        try Safetensors.write(sampleTensors(), to: folder("good"))
        let good = bytes(ofFileAt: folder("good"))
        var state: UInt64 = 3
        for _ in 0..<400 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var changed = good
            changed[Int(state >> 33) % good.count] ^= 1 << UInt8(state >> 61)
            let path = folder.write(changed, "changed")
            if let file = try? SafetensorsFile(path: path) {
                for name in file.names { _ = try? file.tensor(name).bytes() }
            }
        }
        for count in stride(from: 0, to: good.count, by: 97) {
            let path = folder.write(Array(good.prefix(count)), "cut")
            #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test("a header in another order, spaced and with unknown fields, is read")
    func lenientWhereAllowed() throws {
        let folder = TemporaryFolder()
        let header = """
            {"b" : {"shape": [2], "x": null, "data_offsets": [4, 8], "dtype": "I16"}, "__metadata__": {"k": "\\u00e9\\ud83e\\udd9c\\n"},
             "a": {"dtype":"U8","shape":[2,2],"data_offsets":[0,4]} }
            """
        let file = try SafetensorsFile(path: folder.write(safetensors(header + "   ", dataByteCount: 8), "f"))
        #expect(file.names == ["a", "b"])
        #expect(file.metadata == ["k": "\u{e9}\u{1F99C}\n"])
        #expect(try file.tensor("a").array(of: UInt8.self) == [0, 1, 2, 3])
        #expect(try file.tensor("b").bytes() == [4, 5, 6, 7])
    }
}
