import Codecs
import DataPipeline
import Foundation
import Media
import Torch

/// JPEG files to float32[3, 336, 336], by as many threads as the peer has processes.
struct ImageWork {
    /// Images that one `run` prepares.
    private let repetitions: Int
    private let files: WorkFolder
    private let path: String
    private let isScaled: Bool
    private let processor = ImageProcessor(imageSize: 336)

    init(_ folder: URL, work: String) throws {
        files = WorkFolder(folder: folder, work: work)
        let size = work.contains("-1mp") ? "1mp" : "12mp"
        path = folder.appending(path: "\(size).jpg").path
        repetitions = size == "1mp" ? 48 : 8
        isScaled = work.hasSuffix("-scaled")
    }

    private func tensor() throws -> Tensor {
        processor.pixelValues(
            try ImageCodec().decode(path, target: isScaled ? processor.imageSize : nil))
    }

    func serve(_ conversation: Conversation) throws {
        try files.write(tensor())
        let pool = WorkerPool(threadCount: ProcessInfo.processInfo.activeProcessorCount)
        try conversation.serve {
            let results = OrderedPrefetch(pool: pool, lookahead: 8, end: repetitions) { _ in
                Result { try tensor() }
            }
            for _ in 0..<repetitions { _ = try results.next()?.get() }
        }
    }
}
