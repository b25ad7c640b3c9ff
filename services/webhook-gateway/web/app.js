// The page: reads the API, follows the feed.
