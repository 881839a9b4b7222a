// Describes an image with a model folder, such as the one `make demo` leaves behind.
//
//     swift run DescribeImage demo/seed-0/model apple.png

import Foundation
import Syrinx

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    print("usage: DescribeImage MODEL PICTURE")
    exit(2)
}

// snippet.show
do {
    let model = try Syrinx.load(arguments[1])
    print(try await model.describe(imageAt: arguments[2]))

    let chat = ChatSession(model)
    for try await piece in chat.streamResponse(to: "colours:", images: [try .init(path: arguments[2])]) {
        print(piece, terminator: "")
    }
} catch {
    print("error: \(error)")
    exit(1)
}
