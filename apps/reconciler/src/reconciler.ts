export { feedDigest, type Publisher, type PublisherOptions, startPublisher } from "./publisher.ts";
