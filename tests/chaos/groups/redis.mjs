// redis
export default [];
