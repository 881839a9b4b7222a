import Foundation
import Machine

/// A system library as the doctor knows it: how its file is called, and how it tells its version.
struct DoctorLibrary {
    var name: String
    /// The beginning of the file's name.
    var fileName: String
    /// The version, or nil where the library has no way to tell and pkg-config does not know it either.
    var version: () -> String?

    /// In the order of the report.
    static var all: [DoctorLibrary] {
        [
            DoctorLibrary(name: "libjpeg-turbo", fileName: "libjpeg") { packageVersion("libjpeg") },
            DoctorLibrary(name: "libpng", fileName: "libpng16") {
                LoadedLibrary.text(ofFunction: "png_get_header_ver")
            },
            DoctorLibrary(name: "libwebp", fileName: "libwebp") {
                LoadedLibrary.number(ofFunction: "WebPGetDecoderVersion").map {
                    "\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)"
                }
            },
            DoctorLibrary(name: "libtiff", fileName: "libtiff") { packageVersion("libtiff-4") },
            DoctorLibrary(name: "libavif", fileName: "libavif") { LoadedLibrary.text(ofFunction: "avifVersion") },
            DoctorLibrary(name: "libheif", fileName: "libheif") { LoadedLibrary.text(ofFunction: "heif_get_version") },
            DoctorLibrary(name: "FFmpeg", fileName: "libavcodec") {
                LoadedLibrary.number(ofFunction: "avcodec_version").map {
                    "libavcodec \($0 >> 16).\($0 >> 8 & 255).\($0 & 255)"
                }
            },
            DoctorLibrary(name: "sentencepiece", fileName: "libsentencepiece") { packageVersion("sentencepiece") },
            DoctorLibrary(name: "libxml2", fileName: "libxml2") { packageVersion("libxml-2.0") },
            DoctorLibrary(name: "libarchive", fileName: "libarchive") {
                LoadedLibrary.text(ofFunction: "archive_version_string")?.split(separator: " ").last.map(String.init)
            },
            // pkg-config gives libtool's number for FreeType, which is not its version.
            DoctorLibrary(name: "FreeType", fileName: "libfreetype") { nil },
            DoctorLibrary(name: "HarfBuzz", fileName: "libharfbuzz") {
                LoadedLibrary.text(ofFunction: "hb_version_string")
            },
            DoctorLibrary(name: "OpenSSL", fileName: "libcrypto") { packageVersion("libcrypto") },
            DoctorLibrary(name: "OpenMP", fileName: openMPName) { nil },
        ]
    }

    private static var openMPName: String {
        #if canImport(Darwin)
            "libomp"
        #else
            "libgomp"
        #endif
    }

    /// The version that pkg-config gives for a package, or nil where there is no pkg-config or no such package.
    private static func packageVersion(_ package: String) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["pkg-config", "--modversion", package]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return process.terminationStatus == 0 && !text.isEmpty ? text : nil
    }
}
