import Codecs
import Corpora
import DataPipeline
import Digests
import Foundation
import Media
import TestSupport
import Testing

/// Small packages made in the test, in the form of the real ones.
struct MadePackages {
    let scratch: ScratchFolder

    /// Writes a `.deb` (ar with an uncompressed data.tar) and describes it as fetched.
    func package(_ name: String, _ files: [String: [UInt8]]) throws -> PackageFetcher.Fetched {
        let root = scratch.url.appendingPathComponent("\(name)-root")
        for (path, bytes) in files {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file)
        }
        let tar = scratch.url.appendingPathComponent("\(name).tar")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["tar", "-cf", tar.path, "-C", root.path, "."]
        try process.run()
        process.waitUntilExit()
        var archive = Array("!<arch>\n".utf8)
        for (member, content) in [
            ("debian-binary", Array("2.0\n".utf8)), ("data.tar", [UInt8](try Data(contentsOf: tar))),
        ] {
            let fields = [(member, 16), ("0", 12), ("0", 6), ("0", 6), ("100644", 8), (String(content.count), 10)]
            for (text, width) in fields {
                archive += Array(text.utf8) + [UInt8](repeating: 32, count: width - text.utf8.count)
            }
            archive += [0x60, 0x0A] + content + (content.count % 2 == 1 ? [0x0A] : [])
        }
        let file = scratch.url.appendingPathComponent("\(name)_1.0_all.deb")
        try Data(archive).write(to: file)
        return .init(
            package: .init(name: name, version: "1.0", sha256: Digest.sha256(archive).hex, pinned: false), file: file)
    }

    static let coding = ImageCoding(decoder: ImageCodec()) { try ImageCodec().encodePNG($0) }

    static func png(_ colour: RGB, width: Int = 200, height: Int = 100, mark: Int = 0) throws -> [UInt8] {
        var pixels = Image(width: width, height: height, filledWith: colour).pixels
        for place in 0..<min(pixels.count, mark * 3_000) { pixels[place] = 0 }
        return try ImageCodec().encodePNG(Image(width: width, height: height, pixels: pixels))
    }

    func wordNet() throws -> PackageFetcher.Fetched {
        let lines = (0..<400).map {
            "\($0 + 10_000_000) 0\($0 / 200) n 01 word\($0) 0 000 | a definition of number \($0) here  "
        }
        return try package("wordnet-base", ["usr/share/wordnet/data.noun": Array(lines.joined(separator: "\n").utf8)])
    }

    func tuxPaint() throws -> PackageFetcher.Fetched {
        let folder = "usr/share/tuxpaint/stamps/animals/birds/"
        return try package(
            "tuxpaint-stamps-default",
            [
                folder + "crane.png": Self.png(RGB(red: 220, green: 30, blue: 30), mark: 1),
                folder + "crane.txt": Array("A crowned crane.\nfr.utf8=Une grue.\n".utf8),
                folder + "again.png": Self.png(RGB(red: 220, green: 30, blue: 30), mark: 1),
                folder + "again.txt": Array("A bird.\n".utf8),
                folder + "broken.png": Array("not an image".utf8),
                folder + "broken.txt": Array("A duck.\n".utf8),
                folder + "drawn.txt": Array("A goose.\n".utf8),
            ])
    }

    func manual() throws -> PackageFetcher.Fetched {
        let root = "usr/share/gimp/2.0/help/en/"
        var files: [String: [UInt8]] = [:]
        for page in 0..<8 {
            let html =
                "<html><body><p>Page \(page) shows something.</p><img src=\"images/\(page).png\"/><img src=\"images/note.png\"/>"
                + "<p>That was image \(page).</p></body></html>"
            files[root + "page-\(page).html"] = Array(html.utf8)
            files[root + "images/\(page).png"] = try Self.png(RGB(red: 20, green: 90, blue: 200), mark: page)
        }
        files[root + "images/note.png"] = try Self.png(.black, width: 24, height: 24)
        files[root + "gfdl-1.html"] = Array("<html><body><p>licence</p></body></html>".utf8)
        return try package("gimp-help-en", files)
    }
}

@Suite("Starter corpus", .blocks)
struct StarterCorpusTests {
    @Test("Packages become items with fields, colours, images of at most 128 pixels, and provenance")
    func endToEnd() throws {
        let made = MadePackages(scratch: try ScratchFolder())
        let packages = [try made.tuxPaint(), try made.manual(), try made.wordNet()]
        let folder = made.scratch.url.appendingPathComponent("corpus")
        let corpus = StarterCorpus(size: .minimal)
        let first = try corpus.write(to: folder, packages: packages, coding: MadePackages.coding)
        #expect(first.isNew)
        #expect(first.manifest.sources.map(\.name) == ["tuxpaint", "gimp-help", "wordnet"])
        #expect(first.manifest.dropped["tuxpaint: the same image again"] == 1)
        #expect(first.manifest.dropped["tuxpaint: damaged image"] == 1)
        let read = try CorpusFolder(folder)
        let entry = try #require(read.index.entries.first)
        let record = try read.record(entry)
        #expect(
            record.caption
                == .init(name: "bird", kind: "animals", keywords: ["birds"], colours: record.caption?.colours ?? []))
        #expect(record.caption?.colours.first == "red")
        #expect(record.provenance.package == "tuxpaint-stamps-default")
        #expect(record.provenance.licence == "GPL-2.0-only")
        let image = try ImageCodec().image(from: read.image(0, of: entry))
        #expect(image.width == 128 && image.height == 64)
        #expect(try !corpus.write(to: folder, packages: packages, coding: MadePackages.coding).isNew)
    }

    @Test("A manual's pages keep text and image in order and lose their icons; its licence text is left out")
    func manual() throws {
        let made = MadePackages(scratch: try ScratchFolder())
        let folder = made.scratch.url.appendingPathComponent("corpus")
        _ = try StarterCorpus(size: .minimal).write(to: folder, packages: [made.manual()], coding: MadePackages.coding)
        let read = try CorpusFolder(folder)
        #expect(read.index.entries.count == 8)
        let record = try read.record(read.index.entries[3])
        #expect(
            record.parts == [
                .text("Page 3 shows something."), .image("gimp-help-000003.0.png"), .text("That was image 3."),
            ])
    }

    @Test("The same packages give the same bytes on any number of cores")
    func reproducible() throws {
        let made = MadePackages(scratch: try ScratchFolder())
        let packages = [try made.tuxPaint(), try made.manual(), try made.wordNet()]
        let manifests = try ["a", "b"].map { name in
            try StarterCorpus(size: .full).write(
                to: made.scratch.url.appendingPathComponent(name), packages: packages, coding: MadePackages.coding
            ).manifest
        }
        #expect(manifests[0] == manifests[1])
    }

    @Test("A damaged package is named in the error and leaves no folder")
    func damagedPackage() throws {
        let made = MadePackages(scratch: try ScratchFolder())
        let package = try made.wordNet()
        let whole = try Data(contentsOf: package.file)
        try whole.prefix(whole.count / 2).write(to: package.file)
        let folder = made.scratch.url.appendingPathComponent("corpus")
        #expect {
            _ = try StarterCorpus(size: .minimal).write(to: folder, packages: [package], coding: MadePackages.coding)
        } throws: {
            "\($0)".contains("wordnet-base_1.0_all.deb")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    @Test("A package in the cache counts only with the pinned hash, or by choice with another")
    func cachedPackages() throws {
        let made = MadePackages(scratch: try ScratchFolder())
        let package = try made.wordNet()
        let bytes = [UInt8](try Data(contentsOf: package.file))
        var pin = try #require(PackagePin.starter(.minimal).first { $0.name == "wordnet-base" })
        let cache = made.scratch.url
        #expect(try PackageFetcher(cache: cache).cached(pin) == nil)
        #expect(try PackageFetcher(cache: cache, allowsUnpinned: true).cached(pin)?.package.pinned == false)
        pin.sha256 = Digest.sha256(bytes).hex
        pin.bytes = bytes.count
        #expect(
            try PackageFetcher(cache: cache).cached(pin)?.package
                == .init(
                    name: "wordnet-base", version: "1.0", sha256: pin.sha256, pinned: true))
    }

    @Test("Sizes contain each other and every pin has a hash and a length")
    func pins() throws {
        let sizes = StarterSize.allCases.map { Set(PackagePin.starter($0)) }
        #expect(sizes[0].isSubset(of: sizes[1]) && sizes[1].isSubset(of: sizes[2]))
        for pin in try nonempty(PackagePin.starter(.full)) {
            #expect(SHA256Digest(hex: pin.sha256) != nil)
            #expect(pin.bytes > 100_000)
        }
        #expect(StarterSize.minimal.downloadBytes < 260_000_000)
    }

    @Test("Bytes that are no colour font are refused")
    func brokenFont() {
        #expect(throws: CorpusError.self) { try EmojiSource.draw([[0x1F600]], font: Array("not a font".utf8)) }
        #expect(throws: CorpusError.self) { try EmojiSource.draw([[0x1F600]], font: []) }
    }
}
