// The Swift side of `make bench`: does one work on request, in step with `peer.py` or `peer_owl2.py`, which do
// the same in PyTorch.
import Foundation
import Torch

let arguments = CommandLine.arguments
guard
    arguments.count == 3 || arguments.count == 4 && arguments[3] == "float32"
        || arguments.count == 5 && arguments[1] == "random-model" || arguments == [arguments[0], "multiway"]
else {
    let usage = """
        usage: syrinx-bench WORK FOLDER [float32] (started by Benchmarks/bench.py)
               syrinx-bench multiway
               syrinx-bench random-model SIZE TOKENIZER OUT

        """
    FileHandle.standardError.write(Data(usage.utf8))
    exit(2)
}
if arguments[1] == "multiway" {
    MultiwayWork().run()
    exit(0)
}
if arguments[1] == "random-model" {
    do { try RandomModel(size: arguments[2]).write(to: arguments[4], tokenizer: arguments[3]) } catch {
        FileHandle.standardError.write(Data("syrinx-bench: \(error)\n".utf8))
        exit(1)
    }
    exit(0)
}
let work = arguments[1]
let folder = WorkFolder(
    folder: URL(fileURLWithPath: arguments[2]), work: work, dtype: arguments.count == 4 ? .float32 : .bfloat16)
let conversation = Conversation()
TorchRuntime.threadCount = ProcessInfo.processInfo.activeProcessorCount
do {
    switch work {
    case "limits": try Limits().serve(conversation)
    case "encoder-1", "encoder-8": try EncoderWork(folder).serve(conversation)
    case "prefill": try DecoderWork(folder).servePrefill(conversation)
    case "decode-1", "decode-8": try DecoderWork(folder).serveDecoding(conversation)
    case _ where work.hasPrefix("owl2-prefill-"): try OwlWork(folder.folder, work: work).servePrefill(conversation)
    case _ where work.hasPrefix("owl2-decode-"): try OwlWork(folder.folder, work: work).serveDecoding(conversation)
    case "train-demo", "train-100m": try TrainingWork(folder).serve(conversation)
    case _ where work.hasPrefix("images-"): try ImageWork(folder.folder, work: work).serve(conversation)
    default:
        FileHandle.standardError.write(Data("syrinx-bench: there is no work \(work)\n".utf8))
        exit(2)
    }
    conversation.say("peak \(peakResidentBytes())")
} catch {
    FileHandle.standardError.write(Data("syrinx-bench: \(work): \(error)\n".utf8))
    exit(1)
}
